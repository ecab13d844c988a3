// Stand-in for HubSpot's Forms SDK: `hbspt.forms.create`, with a form of three fields and HubSpot's callbacks.
(function () {
  const track = document.currentScript.src.replace(/\/js\/forms\/.*$|\/forms\/v2\.js.*$/, '/track')
  const FIELDS = [
    ['email', 'E-mail', 'email'],
    ['firstname', 'First name', 'text'],
    ['lastname', 'Last name', 'text'],
  ]

  function announce(eventName, id, data) {
    window.postMessage({ type: 'hsFormCallback', eventName, id, data }, '*')
  }

  function field([name, label, type]) {
    const row = document.createElement('label')
    const input = document.createElement('input')
    Object.assign(input, { name, type, required: name === 'email', className: 'hs-input' })
    row.append(label, input)
    return row
  }

  function build(options) {
    const form = document.createElement('form')
    const submit = document.createElement('input')
    Object.assign(submit, { type: 'submit', value: options.submitText || 'Submit', className: 'hs-button primary' })
    form.className = `hs-form ${options.cssClass || ''}`.trim()
    form.append(...FIELDS.map(field), submit)
    form.addEventListener('submit', (event) => send(event, form, options))
    return form
  }

  function send(event, form, options) {
    event.preventDefault()
    const { portalId, formId, inlineMessage, redirectUrl } = options
    const values = Object.fromEntries(new FormData(form))
    const utk = (/(?:^|; )hubspotutk=([^;]+)/.exec(document.cookie) || [])[1] || null
    announce('onFormSubmit', formId)
    if (options.onFormSubmit) options.onFormSubmit(form)
    const body = JSON.stringify({ kind: 'form', hubId: String(portalId || ''), formId, values, utk, url: location.href, at: new Date().toISOString() })
    fetch(track, { method: 'POST', mode: 'no-cors', keepalive: true, body })
      .catch(() => {})
      .then(() => {
        const sent = { redirectUrl, submissionValues: values }
        announce('onFormSubmitted', formId, { formGuid: formId, submissionValues: values })
        if (options.onFormSubmitted) options.onFormSubmitted(form, sent)
        if (redirectUrl) location.assign(redirectUrl)
        else form.replaceWith(inlineMessage || 'Thanks for submitting the form.')
      })
  }

  function create(options) {
    const { formId, target } = options
    const place = target ? document.querySelector(target) : document.body
    if (options.onBeforeFormInit) options.onBeforeFormInit(options)
    const form = build(options)
    place.append(form)
    announce('onFormReady', formId)
    if (options.onFormReady) options.onFormReady(form)
  }

  // HubSpot's script defines its interface some time after it has loaded: what uses it must wait.
  setTimeout(() => (window.hbspt = { ...window.hbspt, forms: { create } }), 60)
})()
