"""Every way to do each workload: GPU, layout, precision, with what it sustains or why it cannot."""
