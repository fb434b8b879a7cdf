"""Files that hold a fleet to a plan: one file a target. They show a plan and compute none."""
