"""What a method finds: one evaluation, each method's result, the exposure."""
