"""One segment of a source partition as a pure function of its records: the argument of exactness stands in `segments`."""
