# middleware.py; add "yourproject.middleware.comment_first" to the end of MIDDLEWARE
from contextlib import ExitStack
from urllib.parse import quote

from django.db import connections


def comment_first(get_response):
    """Names the view in a comment before each statement."""

    def middleware(request):
        def execute_with_comment(execute, sql, params, many, context):
            match = request.resolver_match
            if match is not None and isinstance(sql, str):
                view, route = quote(match.view_name, safe=""), quote(match.route, safe="")
                comment = f"/*controller='{view}',route='{route}'*/ "
                # With parameters a single % would be read as one of them.
                sql = (comment if params is None else comment.replace("%", "%%")) + sql
            return execute(sql, params, many, context)

        with ExitStack() as stack:
            for connection in connections.all():
                stack.enter_context(connection.execute_wrapper(execute_with_comment))
            return get_response(request)

    return middleware
