"""Parts of the dispatcher: what is known of the alerts, what each channel still has to tell, and the record of what was told."""
