"""From results to text and files."""
