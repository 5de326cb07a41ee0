"""The company's own texts of mails: template language, placeholders, and choice of the text in force.

The verbs on them are in catalogue/mail_texts.py.
"""
