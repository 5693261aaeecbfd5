"""The check of a user's Cypher: it reads this graph, and asks nothing else of the engine.

The engines refuse writes by themselves, and their other powers are switched off where that can be done. This check
comes before both: it names the forbidden part, and holds for an engine that is new or that others have set up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.stores.cypher.expression_loops import ExpressionLoops
from remembrancer.stores.cypher.tokens import EXAMPLE, READS_ONLY, Token, folded, tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_QUERY: Final = 100_000
"""Characters."""
_MOST_STEPS: Final = 100
"""Steps from node to node: plans of more would fill the memory that the scheduler needs."""
_END: Final = Token("end", "", 0)
_BEGINNINGS: Final = frozenset(
    ("match", "optional", "unwind", "with", "return", "call", "show", "explain", "profile", "cypher", "filter", "let")
)
_WRITING: Final = frozenset(
    (
        *("create", "merge", "set", "delete", "detach", "remove", "foreach", "insert", "drop", "alter", "rename"),
        *("grant", "deny", "revoke", "terminate"),
    )
)
_BEFORE_A_NAME: Final = frozenset((*".:$,|&!%=<>+-*/^[", "as"))
_SHOWN: Final = frozenset(("index", "indexes", "constraint", "constraints"))
_SHOWN_KINDS: Final = frozenset(
    (
        *("all", "range", "text", "point", "lookup", "fulltext", "vector", "unique", "uniqueness", "key", "exist"),
        *("node", "relationship", "rel", "property", "existence", "type", "existing"),
    )
)
PROCEDURES: Final = (
    *("db.labels", "db.relationshipTypes", "db.propertyKeys", "db.schema.visualization"),
    *("db.schema.nodeTypeProperties", "db.schema.relTypeProperties"),
    *("db.index.fulltext.queryNodes", "db.index.fulltext.queryRelationships"),
    *("db.index.vector.queryNodes", "db.index.vector.queryRelationships"),
)
FUNCTIONS: Final = frozenset(
    (
        *("abs", "acos", "all", "allreduce", "allshortestpaths", "any", "asin", "atan", "atan2", "avg", "btrim"),
        *("cardinality", "ceil", "ceiling", "char_length", "character_length", "coalesce", "collect", "collect_list"),
        *("cos", "cosh", "cot", "coth", "count", "date", "datetime", "degrees", "duration", "e", "elementid"),
        *("element_id", "endnode", "exists", "exp", "filter", "extract", "floor", "haversin", "head", "id", "isempty"),
        *("isnan", "keys", "labels", "last", "left", "length", "ln", "local_datetime", "local_time", "localdatetime"),
        *("localtime", "log", "log10", "lower", "ltrim", "max", "min", "nodes", "none", "normalize", "nullif"),
        *("percentilecont", "percentiledisc", "percentile_cont", "percentile_disc", "pi", "point", "properties"),
        *("radians", "rand", "randomuuid", "range", "reduce", "relationships", "rels", "replace", "reverse", "right"),
        *("round", "rtrim", "shortestpath", "sign", "sin", "single", "sinh", "size", "split", "sqrt", "startnode"),
        *("stdev", "stdevp", "stddev_pop", "stddev_samp", "substring", "sum", "tail", "tan", "tanh", "time"),
        *("timestamp", "toboolean", "tobooleanlist", "tobooleanornull", "tofloat", "tofloatlist", "tofloatornull"),
        *("tointeger", "tointegerlist", "tointegerornull", "toint", "tolower", "tostring", "tostringlist"),
        *("tostringornull", "toupper", "trim", "type", "upper", "valuetype", "zoned_datetime", "zoned_time"),
        *("path_length", "edges"),
    )
)
_FAMILIES: Final = frozenset(
    ("date", "datetime", "localdatetime", "time", "localtime", "duration", "point", "coll", "vector.similarity")
)
"""The allowed first parts of function names with several parts."""
_RESERVED: Final = frozenset(
    (
        *("match", "optional", "where", "with", "return", "unwind", "and", "or", "xor", "not", "in", "as", "case"),
        *("when", "then", "else", "distinct", "order", "by", "skip", "offset", "limit", "union", "yield", "on"),
        *("contains", "is", "call", "next", "finish", "let", "filter", "shortest", "path", "paths", "group", "groups"),
        *("walk", "trail", "acyclic", "simple", "elements", "element", "relationships", "relationship", "bindings"),
        *("binding", "asc", "desc", "ascending", "descending", "from", "for", "end", "ends", "starts", "nulls"),
    )
)
"""Words before a parenthesis that opens no arguments; they also come after a variable."""


def refuse_powers(text: object) -> None:
    """Reject a query that does more than read this graph. Raises InvalidInput, which names the forbidden part."""
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput("query", text, "a query that reads this graph", EXAMPLE)
    if len(text) > LONGEST_QUERY:
        allowed = f"at most {LONGEST_QUERY:,} characters; give long values as parameters"
        raise InvalidInput("query", f"{text[:100]}… ({len(text):,} characters)", allowed, EXAMPLE)
    tokens = tokens_of(text)
    while tokens and tokens[-1].text == ";" and tokens[-1].kind == "sign":
        tokens.pop()
    _refuse_beginning(tokens)
    _refuse_steps(tokens)
    for place, token in enumerate(tokens):
        if token.kind == "sign" and token.text == ";":
            _refuse(token, "a second statement", "one statement at a time")
        if token.is_name:
            _refuse_word(tokens, place)
    ExpressionLoops(tokens).refuse()


def _refuse_beginning(tokens: Sequence[Token]) -> None:
    first = tokens[0] if tokens else _END
    if first.kind == "word" and first.text not in _BEGINNINGS | _WRITING | {"load"}:
        _refuse(first, first.text, "a query that begins with MATCH, OPTIONAL MATCH, UNWIND, WITH, RETURN or CALL")


def _refuse_steps(tokens: Sequence[Token]) -> None:
    steps = [
        token
        for place, token in enumerate(tokens)
        if token.text == ")" and token.kind == "sign" and _at(tokens, place + 1).text in {"-", "<"}
    ]
    if len(steps) > _MOST_STEPS:
        _refuse(steps[_MOST_STEPS], f"{len(steps):,} steps from node to node", f"at most {_MOST_STEPS} in a query")


def _refuse_word(tokens: Sequence[Token], place: int) -> None:
    """Refuse what begins at this name, if it is a clause, procedure or function that is not allowed."""
    token, before, after = tokens[place], _at(tokens, place - 1), _at(tokens, place + 1)
    if token.kind == "word" and token.text == "load" and after.text == "csv":
        _refuse(token, "LOAD CSV", "no LOAD CSV: a query reads neither files nor addresses")
    if before.text == "$" or (before.text == "." and _at(tokens, place - 2).is_name):
        return  # a parameter, a property, or a later part of a name
    if token.kind == "word" and before.text not in _BEFORE_A_NAME:
        _refuse_clause(tokens, place)
    name, beyond = _name_from(tokens, place)
    if _is_call(tokens, place):
        _refuse_procedure(tokens, place + 1)
    elif _at(tokens, beyond).text == "(" and not _is_call(tokens, place - 1) and not _is_hint(tokens, place):
        _refuse_function(token, name)


def _is_call(tokens: Sequence[Token], place: int) -> bool:
    """Return True if a procedure's name follows."""
    token = _at(tokens, place)
    return token.kind == "word" and token.text == "call" and _is_free(tokens, place + 1)


def _is_free(tokens: Sequence[Token], place: int) -> bool:
    """Return True if the token is a name, and none of the language's own words."""
    token = _at(tokens, place)
    is_own_word = token.kind == "word" and token.text in _RESERVED and _at(tokens, place + 1).text != "."
    return token.is_name and not is_own_word


def _is_hint(tokens: Sequence[Token], place: int) -> bool:
    """Return True if the name is the label of USING INDEX t:label(property)."""
    return _at(tokens, place - 1).text == ":" and _at(tokens, place - 3).text in {"index", "seek"}


def _refuse_clause(tokens: Sequence[Token], place: int) -> None:
    token, before, after = tokens[place], _at(tokens, place - 1), _at(tokens, place + 1)
    begins = after.text in {"(", "$"} or _is_free(tokens, place + 1) or before is _END
    if token.text == "transactions" and before.text in {"in", "concurrent"}:
        _refuse(token, "IN TRANSACTIONS", "no transactions of its own: a query only reads")
    if token.text == "show" and begins:
        _refuse_show(tokens, place)
    if token.text == "use" and begins and before.text in {"{", "union", "all"}:
        _refuse(token, "USE", "no other graph than this one")
    if token.text in _WRITING and begins:
        _refuse(token, token.text.upper(), READS_ONLY)


def _refuse_show(tokens: Sequence[Token], place: int) -> None:
    """Reject queries about the server; indexes and constraints are the graph's."""
    while (token := _at(tokens, place + 1)).text in _SHOWN_KINDS:
        place += 1
    if token.text not in _SHOWN:
        _refuse(token, f"SHOW {token.text.upper()}", "SHOW INDEXES and SHOW CONSTRAINTS; the server is not the graph")


def _refuse_procedure(tokens: Sequence[Token], place: int) -> None:
    name, _ = _name_from(tokens, place)
    if folded(name) not in _PROCEDURES:
        _refuse(tokens[place], f"CALL {name}", f"the procedures {', '.join(PROCEDURES)}")


def _refuse_function(token: Token, name: str) -> None:
    if token.kind == "word" and name in _RESERVED:
        return
    known = folded(name)
    if known in FUNCTIONS or any(known.startswith(f"{family}.") for family in _FAMILIES):
        return
    _refuse(token, f"{name}()", "the functions of openCypher, such as size(), coalesce() and date.truncate()")


def _name_from(tokens: Sequence[Token], place: int) -> tuple[str, int]:
    """Return the name of several parts that begins at *place*, and where it is over."""
    parts = [tokens[place].text]
    place += 1
    while _at(tokens, place).text == "." and _at(tokens, place).kind == "sign" and _at(tokens, place + 1).is_name:
        parts.append(tokens[place + 1].text)
        place += 2
    return ".".join(parts), place


def _at(tokens: Sequence[Token], place: int) -> Token:
    return tokens[place] if 0 <= place < len(tokens) else _END


def _refuse(token: Token, what: str, allowed: str) -> None:
    raise InvalidInput("query", f"{what} (at character {token.place})", allowed, EXAMPLE)


_PROCEDURES: Final = frozenset(folded(name) for name in PROCEDURES)
