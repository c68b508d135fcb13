"""What can be said of a course from its texts and its grades."""
