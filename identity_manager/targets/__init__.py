"""Targets: systems to which certificates or keys are published, each behind the contract in contract.py.

To add a kind: a folder or module with options (parsed from TARGETS, without imports of the network) and a
connector, then one line in KINDS of configuration.py and one in CONNECTORS of connectors.py. A kind that
takes keys stands in KEY_CONNECTORS, and in KeyHolder of the models: terms have to name it.
"""
