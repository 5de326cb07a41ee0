"""Person fields of a directory, without the model: settings name them before models are loaded."""

# Fields of the directory, whether entered by hand, by a file or over an interface.
REQUIRED_FIELDS = ("personnel_number", "given_name", "surname")
TEXT_FIELDS = (
    *REQUIRED_FIELDS,
    *("display_name", "email", "upn", "sid", "department", "organisational_unit", "manager", "external_id"),
)
IDENTITY_FIELDS = ("email", "upn", "sid", "external_id")  # a second officer confirms a change of them
CHOSEN_FIELDS = ("kind", "language", "time_zone", "state")  # they always have a value
DIRECTORY_FIELDS = (*TEXT_FIELDS, *CHOSEN_FIELDS)
