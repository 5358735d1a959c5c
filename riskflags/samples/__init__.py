"""Synthetic incidents: cases to show what the rules do, and a seeded generator. No real person or event is in them."""
