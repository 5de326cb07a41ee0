"""SCIM 2.0 server (RFC 7643, RFC 7644): identity providers write persons and groups of a source here."""
