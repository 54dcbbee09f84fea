"""The demonstration: a simulated PACS and a simulated DPI, and inputs to send to Aval."""
