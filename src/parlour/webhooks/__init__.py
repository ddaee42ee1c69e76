"""How events leave: rows written by the transaction they report on, carried to their targets afterwards."""
