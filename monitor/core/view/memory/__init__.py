"""What is remembered of what views have read: within one evaluation, from one to the next, and under a trial."""
