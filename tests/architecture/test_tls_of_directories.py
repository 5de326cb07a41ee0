"""TLS to directories: ldap3 verifies nothing unless it is told to, so there is one construction of Tls."""

import ast

from tests.architecture.source import ROOT

CLIENT = ROOT / "identity_manager" / "ldap_connection.py"


def test_one_module_alone_imports_ldap3() -> None:
    others = [
        path
        for package in ("identity_manager", "selfservice", "ca_bridge")
        for path in (ROOT / package).rglob("*.py")
        if path != CLIENT and "ldap3" in path.read_text(encoding="utf-8")
    ]
    assert others == []


def test_it_verifies_certificates_always() -> None:
    tree = ast.parse(CLIENT.read_text(encoding="utf-8"))
    calls: dict[str, list[ast.Call]] = {"Tls": [], "Server": []}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in calls:
            calls[node.func.attr].append(node)
    (tls,), (server,) = calls["Tls"], calls["Server"]
    said = {keyword.arg: ast.unparse(keyword.value) for keyword in tls.keywords}
    assert (said["validate"], said["version"]) == ("ssl.CERT_REQUIRED", "ssl.PROTOCOL_TLS_CLIENT")
    assert "ca_certs_file" in said
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in server.keywords}
    assert given["tls"].startswith("verified_tls(")
