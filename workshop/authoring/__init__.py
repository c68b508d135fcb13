"""From an author's text to the students' release, and back.

``build.build`` and ``build.check`` make and compare the release, ``leaks.scan_release`` looks for
what students must not get, ``importing.import_notebook`` turns a notebook edited in JupyterLab into
text again.
"""
