"""Everything that knows Kafka or Faust: intake, journal, assessor, dispatcher, embedded broker."""
