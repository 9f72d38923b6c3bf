"""What the page at / shows, from the picture to what is drawn over it, however late it comes."""

import io
import shutil

import numpy as np
import pytest
from page_steps import asked, canvas_size, choose, needs_browser, photograph, until
from PIL import Image, ImageOps
from pretended_models import wait_for

pytestmark = needs_browser


def colour_at(page, x, y):
    script = "([x, y]) => [...document.getElementById('canvas').getContext('2d')"
    return page.evaluate(f"{script}.getImageData(x, y, 1, 1).data].slice(0, 3)", [x, y])


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


def test_it_is_said_when_not_all_classes_are_shown(page):
    probabilities = (np.arange(12, 0, -1) / 78).tolist()
    classes = [f"class {number}" for number in range(12)]
    outputs = {"label": classes[:1], "score": probabilities[:1], "error": [""]}
    outputs |= {"classes": [classes], "probabilities": [probabilities]}
    page.route("**/*:predict", lambda route: route.fulfill(json={"outputs": outputs}))
    choose(page, "classification", photograph())
    bars = page.locator("#bars")
    assert bars.get_attribute("aria-label") == "The 10 likeliest of 12 classes"
    assert [row[0] for row in shares_shown(page)] == classes[:10]
    assert bars.locator("li").last.inner_text() == "and 2 more classes"
    page.unroute("**/*:predict")
    choose(page, "classification", photograph())
    # Until it comes the answer before is shown.
    label = "document.getElementById('bars').getAttribute('aria-label')"
    until(page, f"{label} === 'All classes, the likeliest first'")


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


@pytest.fixture
def pets(browser, zoo_models, tmp_path):
    """A page about version 1 of a model, its server, and what publishes version 2."""
    from zoo_models import predictor_of

    from zoo.export.graph.write import write_graph
    from zoo.serving.server import Server

    root, second = tmp_path / "models", tmp_path / "2"
    shutil.copytree(zoo_models[0] / "classification", root / "pets")
    write_graph(predictor_of("classification", seed=4), second)
    with Server(root, rest_port=0, grpc_port=0, poll_seconds=0.1) as running:

        def publish():
            second.rename(root / "pets" / "2")
            wait_for(lambda: running.repository.find("pets")[0] == 2)

        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(running.rest_url)
        yield page, running, publish
        page.close()


def assert_of_version(page, server, data, number):
    assert page.locator("#about").inner_text() == f"version {number}"
    assert shares_shown(page) == shares_of(asked(server, "pets", data), "probabilities")


def test_a_version_published_meanwhile_takes_the_place_of_the_one_before(pets):
    page, server, publish = pets
    data = photograph()
    choose(page, "pets", data)
    assert_of_version(page, server, data, 1)
    before = shares_shown(page)
    predictions = []
    page.on("request", lambda sent: ":predict" in sent.url and predictions.append(sent.url))
    publish()
    page.get_by_text("version 2").wait_for()
    until(page, "document.getElementById('said').textContent.includes('%')")
    assert_of_version(page, server, data, 2)
    assert shares_shown(page) != before
    with page.expect_response("**/metadata"):
        pass
    page.wait_for_timeout(200)
    assert len(predictions) == 1, "the picture is asked about once a version"


def test_an_answer_stands_under_the_version_that_gave_it(pets):
    """Also before the page has looked for another version."""
    page, server, publish = pets
    data = photograph()
    choose(page, "pets", data)
    page.evaluate("for (let id = 1; id < 1000; id++) clearInterval(id)")
    publish()
    page.get_by_label("Picture file").set_input_files(
        {"name": "second.jpg", "mimeType": "image/jpeg", "buffer": data}
    )
    page.get_by_role("img", name="The picture second.jpg").wait_for()
    until(page, "document.getElementById('said').textContent.includes('%')")
    assert_of_version(page, server, data, 2)


def test_an_empty_server_says_that_there_is_no_model_yet(browser, tmp_path):
    from zoo.serving.server import Server

    with Server(tmp_path, rest_port=0, grpc_port=0) as running:
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(running.rest_url)
        page.get_by_text("There is no model yet").wait_for()
        page.close()
