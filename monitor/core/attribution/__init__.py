"""Why a published figure changed: the reads of the one before it, replaced part by part."""
