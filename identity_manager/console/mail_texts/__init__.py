"""ADMIN, Mail texts: the product's own and the company's, read, written, tested and put in force."""
