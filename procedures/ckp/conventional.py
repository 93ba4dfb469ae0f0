"""The names that agents of each channel give to their actions, for editors to offer (protocols, ready agents)."""

from typing import Final

GENERIC: Final = ("wait_for_element", "wait_for_text", "click", "type", "clear", "screenshot", "take_screenshot")
CONVENTIONAL: Final[dict[str, tuple[str, ...]]] = {
    "generic": GENERIC,
    "desktop": (
        "launch_app",
        "close_app",
        "activate_window",
        "wait_for_window",
        "wait_for_dialog",
        "press_key",
        "press_keys",
        "copy_to_clipboard",
        "paste_from_clipboard",
        "element_exists",
        "screen_text_contains",
    ),
    "web": (
        "navigate",
        "scroll_to_element",
        "extract_text",
        "extract_table_data",
        "upload_file",
        "download_file",
        "element_exists",
        "screen_text_contains",
    ),
    "email": ("search_email", "read_email", "download_attachment", "compose_email", "send_email"),
    "api": ("http_request", "graphql_query"),
    "database": ("execute_query", "bulk_insert"),
    "file": (
        "read_file",
        "write_file",
        "copy_file",
        "move_file",
        "delete_file",
        "list_directory",
        "create_directory",
        "zip_files",
        "unzip_files",
    ),
}
