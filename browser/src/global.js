/** The library that `remotePlugins` names: `window.hubspotDevice`. */
import { hubspotDevice } from './index.js'

window.hubspotDevice = hubspotDevice
