"""The company's own texts of mails: their language, their placeholders, and which one a mail takes."""
