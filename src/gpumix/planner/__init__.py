"""What a verb does: joins the engines, computes nothing itself."""
