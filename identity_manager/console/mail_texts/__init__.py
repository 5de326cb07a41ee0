"""ADMIN, Mail texts: the product's and the company's texts; editing, test mail, activation."""
