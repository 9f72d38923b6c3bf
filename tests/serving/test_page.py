"""The page at / in a headless browser, from the picture to what is drawn over it."""

import importlib.util
import io
import shutil
import time

import numpy as np
import pytest
from PIL import Image, ImageOps

import zoo

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("playwright") is None, reason="playwright is not installed"
    ),
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--use-fake-device-for-media-stream"]
    arguments.append("--use-fake-ui-for-media-stream")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def page(browser, zoo_server):
    context = browser.new_context(permissions=["camera", "clipboard-read", "clipboard-write"])
    opened = context.new_page()
    opened.set_default_timeout(120_000)
    faults = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    # A refusal is also logged; only what the page itself does wrong counts.
    opened.on(
        "console",
        lambda said: faults.append(said.text) if "Content Security" in said.text else None,
    )
    opened.on(
        "request",
        lambda asked: (
            faults.append(asked.url)
            if not asked.url.startswith((zoo_server.rest_url, "data:", "blob:"))
            else None
        ),
    )
    opened.goto(zoo_server.rest_url)
    yield opened
    assert not faults
    context.close()


def photograph():
    """A picture of no common size, lying on its side by its EXIF orientation."""
    rng = np.random.default_rng(5)
    blocks = rng.integers(0, 256, (6, 9, 3), np.uint8)
    image = Image.fromarray(np.kron(blocks, np.ones((50, 50, 1), np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=95, exif=exif)
    return stream.getvalue()


def until(page, expression, seconds=120):
    """Waits for what the page's own policy forbids playwright to wait for."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def choose(page, task, data, name="photo.jpg"):
    page.get_by_label("Model", exact=True).select_option(task)
    page.get_by_label("Picture file").set_input_files(
        {"name": name, "mimeType": "image/jpeg", "buffer": data}
    )
    until(page, "!['', 'Asking ...'].includes(document.getElementById('said').textContent)")


def colour_at(page, x, y):
    script = "([x, y]) => [...document.getElementById('canvas').getContext('2d')"
    return page.evaluate(f"{script}.getImageData(x, y, 1, 1).data].slice(0, 3)", [x, y])


def canvas_size(page):
    return page.evaluate("[canvas.width, canvas.height]")


def asked(zoo_server, task, data):
    with zoo.Client(zoo_server.rest_url, task) as client:
        return client.predict([data])[0].values


def shares_shown(page):
    rows = page.locator("#bars .name").all()
    return [[span.inner_text() for span in row.locator("span").all()] for row in rows]


def shares_of(values, key):
    order = np.argsort(-values[key])
    return [[values["classes"][i].decode(), f"{100 * values[key][i]:.1f} %"] for i in order]


def test_classification(page, zoo_server):
    data = photograph()
    choose(page, "classification", data)
    values = asked(zoo_server, "classification", data)
    label, score = values["label"].decode(), 100 * values["score"]
    assert page.locator("#said").inner_text() == f"{label}, {score:.1f} %"
    assert shares_shown(page) == shares_of(values, "probabilities")
    widths = page.evaluate(
        "[...document.querySelectorAll('#bars .fill')].map((fill) =>"
        " fill.getBoundingClientRect().width / fill.parentElement.clientWidth)"
    )
    np.testing.assert_allclose(widths, -np.sort(-values["probabilities"]), atol=0.01)
    assert "ms, there and back" in page.locator("#time").inner_text()
    # 450 x 300, on its side: 300 x 450, larger than half of 480, so drawn as it is.
    assert canvas_size(page) == [300, 450]


def test_localization_draws_the_box(page, zoo_server):
    data = photograph()
    choose(page, "localization", data)
    left, top, right, bottom = asked(zoo_server, "localization", data)["box"]
    edges = f"from {left:.0f}, {top:.0f} to {right:.0f}, {bottom:.0f} pixels"
    assert edges in page.locator("#time").inner_text()
    middle = round((left + right) / 2)
    # Two pixels of yellow between two of black, which run into one another.
    for place in ((middle, round(top)), (round(left), round((top + bottom) / 2))):
        red, green, blue = colour_at(page, *place)
        assert red > 1.1 * green > 100 > blue
    assert (
        page.locator("#canvas")
        .get_attribute("aria-label")
        .startswith("The picture photo.jpg, a box drawn around the ")
    )


def test_segmentation_draws_the_mask(page, zoo_server):
    data = photograph()
    choose(page, "segmentation", data)
    values = asked(zoo_server, "segmentation", data)
    assert shares_shown(page) == shares_of(values, "fraction")
    mask = values["mask"]
    assert (mask.shape[1], mask.shape[0]) == tuple(canvas_size(page)) == (300, 450)
    slider = page.get_by_label("Mask over the picture")
    slider.fill("0")
    bare = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).getpixel((0, 0))
    assert np.abs(np.subtract(colour_at(page, 0, 0), bare)).max() < 5
    slider.fill("100")
    ids = np.unique(mask)
    for number in ids:
        y, x = np.argwhere(mask == number)[0]
        expected = page.evaluate("(id) => colour(id)", int(number))
        assert colour_at(page, int(x), int(y)) == expected


def test_the_curl_is_the_request(page, zoo_server, tmp_path):
    import json
    import subprocess

    data = photograph()
    name = "it's a photo.jpg"
    choose(page, "classification", data, name)
    (tmp_path / name).write_bytes(data)
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied").wait_for()
    command = page.evaluate("navigator.clipboard.readText()")
    assert command == page.locator("#curl").inner_text()
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, capture_output=True, check=True, text=True
    )
    [label] = json.loads(done.stdout)["outputs"]["label"]
    assert label == asked(zoo_server, "classification", data)["label"].decode()


def test_the_curl_names_any_model(browser, zoo_models, tmp_path):
    """As people call them, with what means something to a shell."""
    import json
    import subprocess

    from zoo.serving.server import Server

    name = "it's (v2) *!"
    shutil.copytree(zoo_models[0] / "classification", tmp_path / "models" / name)
    data = photograph()
    (tmp_path / "photo.jpg").write_bytes(data)
    with Server(tmp_path / "models", rest_port=0, grpc_port=0) as running:
        page = browser.new_page()
        page.goto(running.rest_url)
        choose(page, name, data)
        command = page.locator("#curl").inner_text()
        page.close()
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, capture_output=True, check=True, text=True
        )
        with zoo.Client(running.rest_url, name) as client:
            [answer] = client.predict([data])
    assert json.loads(done.stdout)["outputs"]["label"] == [answer.values["label"].decode()]


def test_what_is_no_picture(page):
    choose(page, "classification", b"nothing to see")
    assert page.locator("#said").inner_text() == "This picture cannot be read"
    assert "is not a JPEG" in page.get_by_role("alert").inner_text()
    choose(page, "classification", photograph())
    page.get_by_role("alert").wait_for(state="hidden")


def test_the_model_chosen_last_is_the_one_spoken_of(page):
    """However late the answer about the one before comes."""
    chooser = page.get_by_label("Model", exact=True)
    chooser.select_option("segmentation")
    page.get_by_text("version").wait_for()
    late = []
    page.route("**/localization/metadata", lambda route: late.append(route))
    chooser.select_option("localization")
    until(page, "document.getElementById('model').value === 'localization'")
    choose(page, "classification", photograph())
    shown = shares_shown(page)
    for route in late:
        route.abort()
    page.wait_for_timeout(200)
    assert late
    assert page.get_by_role("alert").is_hidden()
    assert shares_shown(page) == shown


def test_a_mask_that_is_decoded_late_changes_nothing(page):
    """Meanwhile another picture has been asked about."""
    page.evaluate(
        """() => {
            const decode = readMask;
            const held = new Promise((resolve) => { window.release = resolve; });
            readMask = async (data) => {
                window.waiting = true;
                await held;
                return decode(data);
            };
        }"""
    )
    page.get_by_label("Model", exact=True).select_option("segmentation")
    page.get_by_text("version").wait_for()
    page.get_by_label("Picture file").set_input_files(
        {"name": "first.jpg", "mimeType": "image/jpeg", "buffer": photograph()}
    )
    until(page, "window.waiting === true")
    choose(page, "classification", photograph(), "second.jpg")
    page.get_by_role("img", name="The picture second.jpg").wait_for()
    until(page, "document.getElementById('said').textContent.includes('%')")
    shown, said = shares_shown(page), page.locator("#said").inner_text()
    page.evaluate("release()")
    page.wait_for_timeout(500)
    assert (shares_shown(page), page.locator("#said").inner_text()) == (shown, said)
    assert page.get_by_label("Mask over the picture").is_hidden()


def test_a_server_that_answers_again_is_said_to_be_lost_no_longer(page):
    until(page, "document.querySelector('#model').options.length > 0")
    page.route("**/models", lambda route: route.abort())
    until(page, "document.querySelector('#wrong').textContent.includes('does not answer')")
    page.unroute("**/models")
    until(page, "document.querySelector('#wrong').hidden")


def test_pasted_and_dropped(page):
    page.get_by_label("Model", exact=True).select_option("classification")
    for kind, target in (("paste", "clipboardData"), ("drop", "dataTransfer")):
        page.evaluate(
            """async ([kind, target]) => {
                const canvas = new OffscreenCanvas(30, 20);
                canvas.getContext("2d").fillRect(0, 0, 30, 20);
                const blob = await canvas.convertToBlob({type: "image/png"});
                const transfer = new DataTransfer();
                transfer.items.add(new File([blob], `${kind}.png`, {type: "image/png"}));
                const event = kind === "paste" ? new ClipboardEvent(kind, {clipboardData: transfer})
                    : new DragEvent(kind, {dataTransfer: transfer});
                dispatchEvent(event);
            }""",
            [kind, target],
        )
        page.get_by_role("img", name=f"The picture {kind}.png").wait_for()
        until(page, "document.getElementById('said').textContent.includes('%')")
    # 30 x 20, sixteen times as large.
    assert canvas_size(page) == [480, 320]


def test_the_camera_by_keyboard(page):
    page.get_by_label("Model", exact=True).select_option("classification")
    page.get_by_role("button", name="Use the camera").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Take the picture").wait_for()
    until(page, "document.activeElement.id === 'take' && video.videoWidth > 0")
    page.keyboard.press("Enter")
    page.get_by_role("img", name="The picture camera.jpg").wait_for()
    until(page, "document.getElementById('said').textContent.includes('%')")
    assert page.locator("#live").is_hidden()


def test_everything_has_a_name_and_a_place_in_the_order(page):
    choose(page, "segmentation", photograph())
    order = []
    page.evaluate("document.activeElement.blur(); document.body.focus()")
    for _ in range(7):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id"))
    assert order == ["model", "choose", "camera", "strength", "curl", "copy", ""]
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, select, input, canvas, video")].filter(
            (element) => !(element.labels && element.labels.length)
            && !element.getAttribute("aria-label") && !element.textContent.trim()
        ).map((element) => element.id)"""
    )
    assert nameless == []


def contrast(first, second):
    """WCAG 2.2, contrast ratio of relative luminances."""

    def luminance(rgb):
        parts = [c / 255 for c in rgb]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return np.dot(parts, [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_told_apart(page, scheme):
    page.emulate_media(color_scheme=scheme)
    found = page.evaluate(
        """Object.fromEntries(["back", "card", "text", "soft", "accent", "on-accent", "wrong"].map(
            (name) => {
                const probe = document.createElement("p");
                probe.style.color = `var(--${name})`;
                document.body.append(probe);
                const colour = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
                probe.remove();
                return [name, colour];
            }))"""
    )
    for front, back in (
        ("text", "back"),
        ("text", "card"),
        ("soft", "back"),
        ("soft", "card"),
        ("wrong", "card"),
        ("on-accent", "accent"),
    ):
        assert contrast(found[front], found[back]) >= 4.5


def test_a_token_is_asked_for(browser, models):
    from zoo.serving.server import Server

    with Server(models, rest_port=0, grpc_port=0, token="secret") as guarded:
        page = browser.new_page()
        page.goto(guarded.rest_url)
        page.get_by_label("Token").fill("secret")
        page.keyboard.press("Tab")
        page.get_by_role("alert").wait_for(state="hidden")
        page.get_by_label("Model", exact=True).select_option("hp2")
        page.get_by_text("it takes x, not a picture's bytes").wait_for()
        page.close()
