"""A small Django project in one file, over WSGI and over ASGI: a form with its token, a database, a stream."""

import asyncio

from django.conf import settings

settings.configure(
    SECRET_KEY="for tests only",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    INSTALLED_APPS=["django.contrib.sessions"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    # As in many projects: every logger that is not named here is disabled.
    LOGGING={"version": 1, "disable_existing_loggers": True},
)

from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse  # noqa: E402
from django.middleware.csrf import get_token  # noqa: E402
from django.urls import path  # noqa: E402


def index(request):
    with connection.cursor() as cursor:
        cursor.execute("select 6 * 7")
        (answer,) = cursor.fetchone()
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse(
        {"answer": answer, "visits": request.session["visits"], "token": get_token(request), "scheme": request.scheme}
    )


def form(request):
    return HttpResponse(f"{request.POST['name']} sent {request.FILES['upload'].size} bytes")


def stream(request):
    return StreamingHttpResponse((f"{n}\n" for n in range(3)), content_type="text/plain")


async def async_view(request):
    await asyncio.sleep(0)
    return HttpResponse(f"async {request.get_full_path()}")


urlpatterns = [path("", index), path("form", form), path("stream", stream), path("async", async_view)]

application = get_wsgi_application()
asgi = get_asgi_application()
