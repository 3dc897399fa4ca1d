"""The broker's order desk: accounts, checks, orders and the ledger."""
