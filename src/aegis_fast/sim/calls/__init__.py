"""What REST calls answer, from the shape of an answer to every call of the table."""
