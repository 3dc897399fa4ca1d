"""The WebSocket side: registrations, and every realtime frame."""
