"""What becomes of files after they were sent: installed, or not arrived."""
