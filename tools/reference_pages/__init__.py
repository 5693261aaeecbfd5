"""Sections of the reference pages, each made of the definitions that it shows.

- `markdown`: tables, code and marked sections.
- `docstrings`: first sentences, arguments and errors of docstrings.
- `fields`: the fields of a task.
- `settings`: the settings of the scheduler.
- `rest`: the routes of the API, and the routes of reports.
- `requests`: the parameters and bodies of routes.
- `cli`: the commands and their options.
- `calls`: the counterparts of commands in Python.
- `signatures`: signatures and types as texts.
- `python`: the service, functions, errors and modules of the package.
- `types`: the fields and values of public types.
- `graph_package`: the public names of `remembrancer_schema`.
"""
