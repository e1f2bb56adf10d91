"""What people read of figures: tables, spreadsheets, pages and prints. Nothing here computes a figure."""
