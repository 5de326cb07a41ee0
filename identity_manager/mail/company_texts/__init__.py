"""The company's own texts of mails: template language, placeholders, and choice of the text in force."""
