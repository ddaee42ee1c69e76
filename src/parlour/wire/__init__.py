"""The form of requests and answers: fields, SIDs, pages. No I/O and no clock."""
