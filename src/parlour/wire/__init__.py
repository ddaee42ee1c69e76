"""What things look like on the wire: fields, SIDs, pages. Pure: no I/O, no clock."""
