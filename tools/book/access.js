// What mdBook's pages lack for people who use a keyboard or a screen reader. `make test-browser` holds the pages against axe.
(() => {
    // The list of pages opens with a label, which cannot say that it is open. A button can.
    const label = document.getElementById('mdbook-sidebar-toggle');
    const checkbox = document.getElementById('mdbook-sidebar-toggle-anchor');
    const button = document.createElement('button');
    button.type = 'button';
    button.id = 'mdbook-sidebar-toggle-button';
    button.className = label.className;
    button.title = label.title;
    button.append(...label.childNodes);
    button.setAttribute('aria-label', label.getAttribute('aria-label'));
    button.setAttribute('aria-controls', label.getAttribute('aria-controls'));
    const say = () => button.setAttribute('aria-expanded', String(checkbox.checked));
    button.addEventListener('click', () => label.click());
    checkbox.addEventListener('change', say);
    say();
    label.before(button);
    // mdBook's own script still clicks it.
    label.hidden = true;
    label.style.display = 'none';

    document.getElementById('mdbook-menu-bar').setAttribute('role', 'banner');

    // The first cell of a table that compares things is empty. It is no heading then.
    for (const heading of document.querySelectorAll('th:empty')) {
        const cell = document.createElement('td');
        cell.style.cssText = heading.style.cssText;
        heading.replaceWith(cell);
    }

    // What scrolls can be reached with the keyboard.
    const reach = () => {
        for (const box of document.querySelectorAll('.table-wrapper, pre, pre > code')) {
            if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
            else box.removeAttribute('tabindex');
        }
    };
    addEventListener('resize', reach);
    addEventListener('load', reach);
    reach();
})();
