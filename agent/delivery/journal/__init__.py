"""What happened to each source: changes of state, alarms, and what people say of them."""
