/* Shows the OpenAPI schema. Calls made from the page carry the session's CSRF token. */
const place = document.getElementById("api-docs");
const cookie = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.split("=")[1] ?? "";

window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.schema,
  deepLinking: true,
  requestInterceptor: (request) => {
    if (new URL(request.url, location.href).origin === location.origin) request.headers["X-CSRFToken"] = cookie("csrftoken");
    return request;
  },
});
