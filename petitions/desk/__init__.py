"""Staff’s work on petitions: the steps of a campaign."""
