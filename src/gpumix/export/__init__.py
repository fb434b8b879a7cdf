"""Files that start a plan: a target's words for each launch, and what that target cannot say."""
