"""The commands of `aegis`, one module for each kind. Heavy imports happen inside a command."""
