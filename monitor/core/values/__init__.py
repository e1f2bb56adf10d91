"""Money, times, figures, calendars, canonical bytes: values without state."""
