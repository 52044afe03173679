"""What holds of the commands that look into the past.  Law: every journal here is made by feeding inputs to the real machines."""
