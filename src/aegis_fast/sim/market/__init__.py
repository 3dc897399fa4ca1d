"""The exchange: rules, sessions, books and matching, and the world that joins them."""
