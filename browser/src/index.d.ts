import type { Plugin } from '@segment/analytics-next'

export interface HubSpotDeviceSettings {
  /** Hub ID of the portal. */
  hubId: string | number
  /** HubSpot's data region, as in the portal's settings. Default: `na1`. */
  region?: 'na1' | 'na2' | 'eu1' | 'ap1' | (string & {})
  /** Load HubSpot's Forms SDK; `hbspt.forms` is there when `analytics.ready` calls back. Default: false. */
  loadFormsSdk?: boolean
  /** Send identified data at once, by counting a page view, instead of with the next page or track. Default: false. */
  flushIdentify?: boolean
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
  /** `pending`: HubSpot has it once its script comes. `loaded`: HubSpot has it. `failed`: HubSpot's script is blocked. */
  device: 'pending' | 'loaded' | 'failed'
  /** The visitor's `hubspotutk` cookie; absent before HubSpot sets it and after the visitor opted out. */
  utk?: string
}

/** The plugins of the HubSpot destination; register all of them. */
export declare function hubspotDevice(settings: HubSpotDeviceSettings): Plugin[]

export declare namespace hubspotDevice {
  /** The name under which `remotePlugins` and `integrations` know it. */
  const pluginName: 'HubSpot'
}
