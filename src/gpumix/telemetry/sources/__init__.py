"""One file a source: what it says, as samples, jobs and nodes."""
