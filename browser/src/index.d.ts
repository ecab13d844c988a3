import type { Plugin } from '@segment/analytics-next'

export interface HubSpotDeviceSettings {
  /** Hub ID of the portal. */
  hubId: string | number
  /** HubSpot's data region, as in the portal's settings. Default: `na1`. */
  region?: 'na1' | 'na2' | 'eu1' | 'ap1' | (string & {})
  /** Load HubSpot's Forms SDK; `hbspt.forms` is there when `analytics.ready` calls back. Default: false. */
  loadFormsSdk?: boolean
  /** Tracks, in lower case, that are left to a server. Default: none. */
  events?: string[]
  /** The other way round: all tracks but `events` are left to a server. Default: false. */
  onlyEvents?: boolean
  /** `identify` sends the e-mail and the user id alone; a server writes the traits. Default: false. */
  emailOnly?: boolean
  /** Consent categories that must all be true on an event that carries consent. Default: none. */
  consentCategories?: string[]
  /** How long `analytics.ready` waits for HubSpot's scripts, in milliseconds. Default: 8000. */
  timeoutMs?: number
  /** Folder of HubSpot's loader `<hubId>.js`, with scheme. Default: HubSpot's own for the region. */
  scriptBase?: string
  /** Address of the Forms SDK, with scheme. Default: HubSpot's own for the region. */
  formsUrl?: string
}

/** Written to `context.hubspot` of every event. */
export interface HubSpotMark {
  /** `pending`: HubSpot has it once its script comes. `loaded`: HubSpot has it. `failed`: the browser does not send it. */
  device: 'pending' | 'loaded' | 'failed'
  /** The portal that this is about, as in the settings. */
  hubId: string | number
  /** The visitor's `hubspotutk` cookie; absent before HubSpot sets it and after the visitor opted out. */
  utk?: string
}

/** The plugins of the HubSpot destination; register all of them, or give the function itself to `load` in `plugins`. */
export declare const hubspotDevice: {
  (settings: HubSpotDeviceSettings): Plugin[]
  /** How analytics.js calls it, with the settings of `remotePlugins`; `this` keeps calls by hand to the checked form. */
  (this: 'analytics.js', settings: unknown): Plugin[]
  /** The name under which `remotePlugins` and `integrations` know it. */
  pluginName: 'HubSpot'
}
