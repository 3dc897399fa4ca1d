"""Everything that can be broken on request, and when."""
