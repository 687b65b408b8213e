"""What has landed at a destination, as a whole: from one listing and the journal, without a request to Braze."""
